"""Enterprise-managed authorization: an identity provider's assertion (ID-JAG) is exchanged for a token of our own.

draft-ietf-oauth-identity-assertion-authz-grant, section 4.4; MCP extension "Enterprise-Managed Authorization".
"""
