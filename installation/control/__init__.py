"""Control: the people who run the show."""
