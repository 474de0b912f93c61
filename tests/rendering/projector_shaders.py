def complain(*a): return ""
def draw(*a): return []
