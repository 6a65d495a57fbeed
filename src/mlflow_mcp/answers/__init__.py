"""What every answer is made of: models, tables, the size budget, masking."""
