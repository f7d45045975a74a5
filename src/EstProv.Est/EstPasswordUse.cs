namespace EstProv.Est;

/// <summary>How user name and password are shown (RFC 7030 section 3.2.3).</summary>
public enum EstPasswordUse
{
    /// <summary>HTTP Basic with the first request, since many servers close the connection after a 401; Digest where a server asks for it alone.</summary>
    Basic,

    /// <summary>HTTP Digest only (RFC 7616), once the server has asked: the password itself never leaves.</summary>
    Digest,
}
