"""Google Wallet: bodies for its REST interface, links that save a pass, and the messages that it sends back.

Nothing is sent from here; who sends needs `credentials.assertion` for a token and the bodies of `objects`.
"""
