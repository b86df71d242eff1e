"""One lab at a time: brought up, known, waited for, added to, ended."""
