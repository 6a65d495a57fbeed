"""The samples of one side: where they are kept, what their columns mean, and their rows as samples."""
