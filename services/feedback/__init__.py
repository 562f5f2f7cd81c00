"""What is heard after a message left: providers' callbacks, receipts, opens, clicks, reads."""
