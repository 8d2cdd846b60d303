# Layer spool: its library and its tests.
