using System.Security.Cryptography.X509Certificates;

namespace EstProv.Est.Paths;

internal enum PathFailureKind
{
    /// <summary>The path does not end at an anchor.</summary>
    UnknownIssuer,

    /// <summary>A signature, a constraint or a usage is wrong.</summary>
    Invalid,
    Expired,
    NotYetValid,
}

/// <param name="Certificate">The one that is at fault.</param>
/// <param name="Detail">What is wrong with it, for a message.</param>
internal sealed record PathFailure(PathFailureKind Kind, X509Certificate2 Certificate, string Detail);

/// <param name="Certificates">Leaf first, the anchor last when there is no failure.</param>
/// <param name="Failure">Null when the path is good.</param>
internal sealed record PathResult(IReadOnlyList<X509Certificate2> Certificates, PathFailure? Failure)
{
    private const X509ChainStatusFlags NoAnchor = X509ChainStatusFlags.UntrustedRoot | X509ChainStatusFlags.PartialChain;
    private const X509ChainStatusFlags Ignored = X509ChainStatusFlags.RevocationStatusUnknown | X509ChainStatusFlags.OfflineRevocation;

    private static readonly (X509ChainStatusFlags Flags, string Text)[] Faults =
    [
        (X509ChainStatusFlags.NotSignatureValid, "its signature is not its issuer's"),
        (X509ChainStatusFlags.InvalidBasicConstraints, "it is used as a CA but is none, or the path below it is longer than it allows"),
        (X509ChainStatusFlags.NotValidForUsage, "its key usage does not allow this use"),
        (X509ChainStatusFlags.HasWeakSignature, "its signature's algorithm is too weak"),
        (X509ChainStatusFlags.InvalidNameConstraints | X509ChainStatusFlags.HasExcludedNameConstraint | X509ChainStatusFlags.HasNotPermittedNameConstraint,
            "its name is outside of its issuer's name constraints"),
        (X509ChainStatusFlags.InvalidExtension | X509ChainStatusFlags.HasNotSupportedCriticalExtension, "it has an extension that is wrong or not supported"),
    ];

    /// <summary>Certificates are copied out: a chain disposes of those that it made.</summary>
    public static PathResult Read(X509Chain chain, X509Certificate2 leaf, X509Certificate2Collection anchors, DateTimeOffset at)
    {
        var path = new List<X509Certificate2>(chain.ChainElements.Count);
        PathFailure? failure = null;
        for (var i = 0; i < chain.ChainElements.Count; i++)
        {
            var element = chain.ChainElements[i];
            var certificate = i == 0 ? leaf : X509CertificateLoader.LoadCertificate(element.Certificate.RawDataMemory.Span);
            path.Add(certificate);
            var found = JudgeElement(certificate, StatusOf(element), IsAnchor(certificate, anchors), at);
            if (found is not null && (failure is null || found.Kind < failure.Kind)) failure = found;
        }

        return path.Count > 0 ? new(path, failure) : new([leaf], new(PathFailureKind.Invalid, leaf, "it cannot be read"));
    }

    private static PathFailure? JudgeElement(X509Certificate2 certificate, X509ChainStatusFlags status, bool isAnchor, DateTimeOffset at)
    {
        status &= ~Ignored;
        // X509Chain takes a self-signed certificate only for an end; any anchor is one for us.
        if (isAnchor) status &= ~X509ChainStatusFlags.PartialChain;
        if (status == X509ChainStatusFlags.NoError) return null;
        if (Has(status, NoAnchor)) return new(PathFailureKind.UnknownIssuer, certificate, "its issuer is not among the trust anchors");
        if (Has(status, ~X509ChainStatusFlags.NotTimeValid)) return new(PathFailureKind.Invalid, certificate, Describe(status));
        return new DateTimeOffset(certificate.NotAfter.ToUniversalTime()) < at
            ? new(PathFailureKind.Expired, certificate, $"it expired on {Names.Date(certificate.NotAfter)}")
            : new(PathFailureKind.NotYetValid, certificate, $"it is valid from {Names.Date(certificate.NotBefore)} on");
    }

    private static X509ChainStatusFlags StatusOf(X509ChainElement element)
    {
        var flags = X509ChainStatusFlags.NoError;
        foreach (var status in element.ChainElementStatus) flags |= status.Status;
        return flags;
    }

    private static bool IsAnchor(X509Certificate2 certificate, X509Certificate2Collection anchors)
    {
        foreach (var anchor in anchors)
        {
            if (anchor.RawDataMemory.Span.SequenceEqual(certificate.RawDataMemory.Span)) return true;
        }

        return false;
    }

    private static string Describe(X509ChainStatusFlags status)
    {
        foreach (var (flags, text) in Faults)
        {
            if (Has(status, flags)) return text;
        }

        return $"its path does not hold (0x{(int)status:x})";
    }

    private static bool Has(X509ChainStatusFlags status, X509ChainStatusFlags any) => (status & any) != X509ChainStatusFlags.NoError;
}
