"""The page as a Space whose GPUs are lent, with the real package ``spaces`` and a lender on loopback."""
