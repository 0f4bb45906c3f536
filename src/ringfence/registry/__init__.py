"""What callees allowed and refused, with the evidence: the truth that the store's index is built from.

Off the call path. Nothing is imported here: SQLAlchemy costs start time, and the SIP process never needs it.
"""
