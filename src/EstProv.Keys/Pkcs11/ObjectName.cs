using EstProv.Platform;
using Net.Pkcs11Interop.Common;

namespace EstProv.Keys.Pkcs11;

/// <summary>By what a private key is found in its token: CKA_ID, CKA_LABEL or both.</summary>
/// <param name="Text">For people, such as <c>key 'device-id'</c> or a URI.</param>
internal sealed record ObjectName(byte[]? Id, string? Label, string Text)
{
    public AttributeTemplate Template(CKO kind)
    {
        var template = new AttributeTemplate().Add(CKA.CKA_CLASS, (ulong)kind);
        if (Id is not null) template.Add(CKA.CKA_ID, Id);
        if (Label is not null) template.Add(CKA.CKA_LABEL, Label);
        return template;
    }

    /// <summary>The one private key of this name.</summary>
    /// <exception cref="ProblemException"><c>key_not_found</c>, <c>key_ambiguous</c>.</exception>
    public CKR Find(Pkcs11Token token, Pkcs11Session session, out ulong key)
    {
        key = 0;
        var result = session.Find(Template(CKO.CKO_PRIVATE_KEY), 2, out var found);
        if (result != CKR.CKR_OK) return result;
        if (found.Length == 0)
        {
            // To a session that has lost its login, private objects do not exist.
            result = token.CheckLogin(session);
            if (result != CKR.CKR_OK) return result;
            throw new ProblemException("key_not_found", $"{token.Description} has no private key for {Text}",
                "compare with what the token has (pkcs11-tool --login --list-objects); "
                    + "of a preloaded key correct the URI, or make the key", 404);
        }

        if (found.Length > 1)
        {
            throw new ProblemException("key_ambiguous", $"{token.Description} has several private keys for {Text}",
                "name the key by its CKA_ID too: pkcs11:object=NAME;id=%01", 409);
        }

        key = found[0];
        return CKR.CKR_OK;
    }
}
