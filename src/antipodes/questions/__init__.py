"""Questions that are asked of a world, and answered by thinking, with nothing sent anywhere.

`networks` knows what is there, `walking` follows one packet and says why it went as it did.
"""
