using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est;

/// <summary>The two ways to enrol (RFC 7030 section 4.2).</summary>
public enum EstOperation
{
    /// <summary><c>simpleenroll</c>: a first certificate, or one obtained with another identity.</summary>
    Simple,

    /// <summary><c>simplereenroll</c>: a certificate renews itself; Subject and SAN must be those of the old one.</summary>
    Reenroll,
}

/// <summary>What an EST server said to a certificate request.</summary>
public abstract record EstEnrollment
{
    private EstEnrollment()
    {
    }

    /// <summary>200.</summary>
    /// <param name="Certificates">As sent, leaf first. Nothing is judged yet: that is <see cref="IssuedCertificateCheck"/>'s part.</param>
    public sealed record Issued(X509Certificate2Collection Certificates) : EstEnrollment;

    /// <summary>200 to <c>serverkeygen</c> (section 4.4): the server has made the key.</summary>
    /// <param name="Certificates">As sent, leaf first; nothing is judged yet.</param>
    /// <param name="Key">PKCS#8, or CMS EnvelopedData (<see cref="ServerGeneratedKey.Decrypt"/>); to be zeroed after use.</param>
    /// <param name="Encrypted">Which of both.</param>
    public sealed record IssuedWithKey(X509Certificate2Collection Certificates, byte[] Key, bool Encrypted) : EstEnrollment;

    /// <summary>202: the same request is to be sent again (RFC 7030 section 4.2.3).</summary>
    /// <param name="RetryAfter">How long to wait; at most a day, whatever the server asks.</param>
    public sealed record Pending(TimeSpan RetryAfter) : EstEnrollment;
}
