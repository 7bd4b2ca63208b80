"""The words both sides speak: messages, checked calls, wire types, records, reason codes, errors."""
