"""Write a reply to a message."""
