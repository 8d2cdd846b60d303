# Layer security: its library and its tests.
