using System.Formats.Asn1;
using System.Security.Cryptography;

namespace EstProv.Est.Attributes;

/// <summary>Puts together what a list of OIDs and attributes says, be it the whole of CsrAttrs or a template's own attributes.</summary>
internal sealed class CsrAttributesBuilder
{
    private const int MostExtensions = 32;
    private const int MostIgnored = 8;

    private readonly List<CsrKeyDemand> _keys = [];
    private readonly List<CsrExtension> _extensions = [];
    private readonly List<string> _ignored = [];
    private HashAlgorithmName? _hash;
    private bool _requestsChallengePassword;
    private bool _hasExtensions;

    /// <summary>An OID without a value.</summary>
    /// <remarks>libest's own list has a bare curve and a bare hash; others have bare extensions.</remarks>
    public void AddOid(string oid)
    {
        if (oid == CsrOids.ChallengePassword) _requestsChallengePassword = true;
        else if (CsrOids.Hash(oid) is { } hash) _hash ??= hash;
        else if (oid == CsrOids.EcPublicKey) _keys.Add(CsrOids.AnyCurve);
        else if (oid == CsrOids.RsaEncryption) _keys.Add(CsrOids.AnyRsa);
        else if (CsrOids.Curve(oid) is { Algorithms.Count: > 0 } curve) _keys.Add(curve);
        else if (CsrOids.OtherKey(oid) is { } other) _keys.Add(other);
        else if (CsrOids.IsKnownExtension(oid)) Add(new CsrExtension(oid, null, null));
        else Ignore(oid);
    }

    /// <exception cref="AsnContentException">An attribute that is known has another form than the RFCs give it.</exception>
    public void AddAttribute(string type, AsnReader values)
    {
        switch (type)
        {
            case CsrOids.ChallengePassword:
                _requestsChallengePassword = true;
                break;
            case CsrOids.EcPublicKey:
                if (!values.HasData) _keys.Add(CsrOids.AnyCurve);
                while (values.HasData) _keys.Add(CsrOids.Curve(values.ReadObjectIdentifier()));
                break;
            case CsrOids.RsaEncryption:
                if (!values.HasData) _keys.Add(CsrOids.AnyRsa);
                while (values.HasData) _keys.Add(CsrOids.Rsa(values.TryReadInt32(out var bits) ? bits : throw new AsnContentException()));
                break;
            case CsrOids.ExtensionRequest:
                AddExtensions(values, withoutValues: false);
                break;
            case CsrOids.ExtensionTemplate:
                AddExtensions(values, withoutValues: true);
                break;
            default:
                if (CsrOids.Hash(type) is { } hash) _hash ??= hash;
                else if (CsrOids.OtherKey(type) is { } other) _keys.Add(other);
                else Ignore(type);
                break;
        }
    }

    public CsrAttributes Build() => new()
    {
        RequestsChallengePassword = _requestsChallengePassword,
        Keys = _keys,
        Hash = _hash,
        Extensions = _extensions,
        Ignored = _ignored,
    };

    /// <summary>
    /// One such attribute with one value, SEQUENCE OF Extension (RFC 9908 section 3.2). Read besides: bare OIDs, as in the example of RFC 7030, and an
    /// ExtensionTemplate that stands for itself, as the words of RFC 9908 section 3.4 can be read.
    /// </summary>
    private void AddExtensions(AsnReader values, bool withoutValues)
    {
        if (_hasExtensions) throw new AsnContentException();
        _hasExtensions = true;
        while (values.HasData)
        {
            if (values.PeekTag().HasSameClassAndValue(Asn1Tag.ObjectIdentifier))
            {
                var oid = values.ReadObjectIdentifier();
                if (CsrOids.IsKnownExtension(oid)) Add(new CsrExtension(oid, null, null));
                else Ignore(oid);
                continue;
            }

            var sequence = values.ReadSequence();
            if (withoutValues && sequence.HasData && sequence.PeekTag().HasSameClassAndValue(Asn1Tag.ObjectIdentifier))
            {
                AddExtension(sequence, withoutValues);
                continue;
            }

            while (sequence.HasData) AddExtension(sequence.ReadSequence(), withoutValues);
        }
    }

    private void AddExtension(AsnReader extension, bool withoutValue)
    {
        var oid = extension.ReadObjectIdentifier();
        bool? critical = extension.HasData && extension.PeekTag().HasSameClassAndValue(Asn1Tag.Boolean) ? extension.ReadBoolean() : null;
        byte[]? value = extension.HasData || !withoutValue ? extension.ReadOctetString() : null;
        extension.ThrowIfNotEmpty();
        Add(new CsrExtension(oid, critical, value));
    }

    private void Add(CsrExtension extension)
    {
        if (_extensions.Count == MostExtensions || _extensions.Exists(known => known.Oid == extension.Oid)) throw new AsnContentException();
        _extensions.Add(extension);
    }

    private void Ignore(string oid)
    {
        if (_ignored.Count < MostIgnored) _ignored.Add(oid);
    }
}
