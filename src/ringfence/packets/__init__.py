"""Packets in files: captures written and read, from the file's blocks down to the SIP messages in them."""
