def write(kept, picture): pass
