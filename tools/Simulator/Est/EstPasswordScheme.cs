namespace EstProv.Simulator.Est;

/// <summary>How user names and passwords are asked for (RFC 7030 section 3.2.3).</summary>
public enum EstPasswordScheme
{
    /// <summary>HTTP Basic (RFC 7617).</summary>
    Basic,

    /// <summary>HTTP Digest with MD5 (RFC 7616), which is all that libest speaks.</summary>
    Digest,

    /// <summary>HTTP Digest with SHA-256.</summary>
    DigestSha256,
}
