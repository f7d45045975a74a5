using System.Net;
using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est;

/// <summary>What a request would ask for by itself, and what may be filled into a server's template.</summary>
public sealed record CsrWish
{
    public required CertificateRequestContent Content { get; init; }

    /// <summary>The common name of <see cref="Content"/>.</summary>
    public required string Name { get; init; }

    /// <summary>The name was configured: another one that the server gives does not replace it.</summary>
    public bool NameIsConfigured { get; init; }

    /// <summary>The whole subject was configured: a server's template does not replace it.</summary>
    public bool SubjectIsConfigured { get; init; }

    /// <summary>The alternative names of <see cref="Content"/> were configured: those that the server gives do not replace them.</summary>
    public bool NamesAreConfigured { get; init; }

    /// <summary>A certificate renews itself: Subject and SAN are its own, whatever the server's attributes say (RFC 7030 section 4.2.2).</summary>
    public bool KeepsNames { get; init; }

    /// <summary>A subject of ours, such as the bootstrap certificate's, that further parts of a name are taken from.</summary>
    public X500DistinguishedName? KnownSubject { get; init; }

    /// <summary>The address by which the server is reached, for an IP address to be filled in; null where there is none.</summary>
    public Func<IPAddress?>? Address { get; init; }

    /// <summary>What cannot be satisfied is left out and noted, instead of being an error.</summary>
    public bool Lenient { get; init; }
}

/// <summary>A request that does what the server's attributes ask.</summary>
/// <param name="Notes">What was not done as asked, and why; for the log.</param>
public sealed record CsrOutcome(CertificateRequestContent Content, IReadOnlyList<string> Notes);
