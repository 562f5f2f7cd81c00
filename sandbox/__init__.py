"""Local stand-ins for the message vendors, speaking the vendors' own wire formats over HTTP.

One process answers for every vendor under its own path (`/resend`, `/twilio`, `/fcm`), checks what
it is sent as strictly as the vendor documents, keeps what it took, and is steered by plain JSON
endpoints (messages, faults, mode, counts, callbacks). It imports nothing of the product it stands
in for, so what it sees is what a real vendor would see.
"""
