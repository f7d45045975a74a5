using System.Security.Cryptography.X509Certificates;
using EstProv.Est.Attributes;
using EstProv.Est.Messages;
using EstProv.Platform;

namespace EstProv.Est;

/// <summary>
/// Makes a request as the server's attributes ask: given values are taken over, values that are missing are filled in (RFC 9908 section 3.4). What the
/// device's configuration says comes first, and a request for a CA stays one.
/// </summary>
public static class CsrAttributesUse
{
    /// <exception cref="ProblemException">
    /// <c>est_csrattrs_unsatisfied</c>: the server asks for something that we do not have; unless <see cref="CsrWish.Lenient"/>.
    /// <c>est_bad_csrattrs</c>: the subject that they give is no name.
    /// </exception>
    public static CsrOutcome Apply(CsrAttributes attributes, CsrWish wish, PublicKey key)
    {
        var notes = new List<string>();
        var content = wish.Content;
        if (attributes.Hash is { } hash) content = content with { Hash = hash };
        if (attributes.Subject is { } subject && wish is { KeepsNames: false, SubjectIsConfigured: false })
            content = content with { Subject = CsrSubject.Fill(subject, wish, notes) };
        var given = new List<X509Extension>();
        foreach (var extension in attributes.Extensions)
        {
            if (Provide(extension, wish with { Content = content }, key, notes) is not { } provided) continue;
            if (extension.Oid == CsrOids.SubjectAlternativeName) content = content with { AlternativeNames = provided };
            else given.Add(provided);
        }

        return new CsrOutcome(content with { Given = given }, notes);
    }

    /// <summary>The error for something that cannot be provided; a note where that is no error.</summary>
    internal static void Miss(CsrWish wish, List<string> notes, string what, string hint)
    {
        if (!wish.Lenient) throw Unsatisfied(what, hint);
        notes.Add($"the EST server's csrattrs ask for {what}, which the request is sent without");
    }

    /// <param name="what">The attribute that is asked for.</param>
    public static ProblemException Unsatisfied(string what, string hint) => new("est_csrattrs_unsatisfied",
        $"the EST server's csrattrs ask for {PeerText.Clean(what)}, which this device cannot provide", $"{hint}; every other attempt does without it", 502);

    private static X509Extension? Provide(CsrExtension asked, CsrWish wish, PublicKey key, List<string> notes)
    {
        switch (asked.Oid)
        {
            case CsrOids.SubjectAlternativeName:
                return CsrAlternativeNames.Provide(asked, wish, notes);
            case CsrOids.SubjectKeyIdentifier when asked.Value is null:
                return new X509SubjectKeyIdentifierExtension(key, asked.Critical ?? false);
        }

        var ours = OursOf(asked.Oid, wish.Content);
        if (asked.Value is null)
        {
            if (ours is not null) return new X509Extension(ours.Oid!, ours.RawData, asked.Critical ?? ours.Critical);
            // Nothing is to be said about it, or nobody here knows how.
            notes.Add($"the EST server's csrattrs ask for the extension {CsrOids.Name(asked.Oid)}, whose value is not known here; it is left out");
            return null;
        }

        if (IsWidening(asked, wish.Content) && (ours is null || !ours.RawData.AsSpan().SequenceEqual(asked.Value)))
        {
            notes.Add($"the EST server's csrattrs give a {CsrOids.Name(asked.Oid)} that does not go with what this certificate is for; our own is asked for");
            return null;
        }

        return new X509Extension(asked.Oid, asked.Value, asked.Critical ?? ours?.Critical ?? asked.Oid == CsrOids.KeyUsage);
    }

    /// <summary>Whether it is a CA is never the server's choice, nor what a CA may sign.</summary>
    private static bool IsWidening(CsrExtension asked, CertificateRequestContent content) =>
        asked.Oid == CsrOids.BasicConstraints || (content.Ca && asked.Oid == CsrOids.KeyUsage);

    private static X509Extension? OursOf(string oid, CertificateRequestContent content)
    {
        foreach (var extension in CertificateSigningRequests.ExtensionsOf(content))
        {
            if (extension.Oid?.Value == oid) return extension;
        }

        return oid == CsrOids.BasicConstraints && !content.Ca ? new X509BasicConstraintsExtension(false, false, 0, critical: true) : null;
    }
}
