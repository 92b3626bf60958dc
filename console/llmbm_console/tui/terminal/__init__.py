"""Between the terminal and Textual: keys, pictures, what is drawn."""
