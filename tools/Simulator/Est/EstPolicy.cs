using EstProv.Simulator.Pki;

namespace EstProv.Simulator.Est;

/// <summary>Whether an authenticated client may have what it asks.</summary>
internal static class EstPolicy
{
    /// <summary>Null = it may.</summary>
    public static EstRefusal? Refusal(EstOptions options, EstIdentity identity, SigningRequest request, EstLabel label, bool again)
    {
        if (again && Reenrollment(options, identity, request) is { } refusal)
        {
            return refusal;
        }

        // Whoever renews itself needs no other right; a certificate of ours is then proved to be of this very subject.
        var renewsItself = again && identity.Kind == EstIdentityKind.Other;
        if (identity.Kind == EstIdentityKind.Other && !renewsItself)
        {
            return new EstRefusal(403, "this certificate is no EST identity");
        }

        if (identity.Kind == EstIdentityKind.Bootstrap && !label.Bootstrap)
        {
            return new EstRefusal(403, "a bootstrap certificate may not enrol here");
        }

        if (options.BindSubject && identity.Certificate is { } certificate)
        {
            var own = CertificateMaker.CommonName(certificate.SubjectName) ?? "";
            var asked = CertificateMaker.CommonName(request.Subject) ?? "";
            if (asked != own && !asked.StartsWith(own + "-", StringComparison.Ordinal))
            {
                return new EstRefusal(403, "the subject is not the client's");
            }
        }

        return null;
    }

    /// <summary>RFC 7030 section 4.2.2: subject and subject alternative names are those of the certificate renewed, which is the client's.</summary>
    private static EstRefusal? Reenrollment(EstOptions options, EstIdentity identity, SigningRequest request)
    {
        var quirks = options.Quirks;
        if (quirks.ReenrollRefusesSubjectAlternativeNames && request.AlternativeNames is not null)
        {
            return new EstRefusal(400, "no subject alternative name may be asked when re-enrolling");
        }

        if (quirks.ReenrollAnySubject)
        {
            return null;
        }

        if (identity.Certificate is not { } certificate)
        {
            return new EstRefusal(403, "re-enrolment needs the certificate that is renewed");
        }

        if (!request.Subject.RawData.AsSpan().SequenceEqual(certificate.SubjectName.RawData))
        {
            return new EstRefusal(403, "the subject is not that of the certificate renewed");
        }

        var names = CertificateMaker.AlternativeNames(certificate.Extensions);
        var same = (names, request.AlternativeNames) switch
        {
            (null, null) => true,
            ({ } a, { } b) => a.AsSpan().SequenceEqual(b),
            _ => false,
        };
        return same ? null : new EstRefusal(403, "the subject alternative names are not those of the certificate renewed");
    }
}

internal sealed record EstRefusal(int Status, string Text);
