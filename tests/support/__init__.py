"""What the tests are made of: stores, servers, ways to ask and to compare."""
