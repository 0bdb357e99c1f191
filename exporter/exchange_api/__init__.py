"""Provide what an exchange file is made of: HTTP, signed requests, responses, clocks."""
