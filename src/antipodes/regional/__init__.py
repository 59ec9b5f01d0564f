"""Services that live in one region: a folder for each, and none imports another.

They call each other through the front door, as a customer would, so that every call can be signed,
delayed, traced and broken. Services that AWS calls global have their control plane in a home
region, and are a region's services there.
"""
