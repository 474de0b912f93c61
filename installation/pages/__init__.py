"""What a show or a job is in; pages for the browsers of this machine out, and what is done on them back in."""
