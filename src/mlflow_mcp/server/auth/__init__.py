"""Who asks over HTTP, and whether they may."""
