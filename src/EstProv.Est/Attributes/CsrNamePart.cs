namespace EstProv.Est;

/// <summary>One attribute of a subject template (SingleAttributeTemplate, RFC 9908 section 3.4).</summary>
/// <param name="Type">The attribute type's OID.</param>
/// <param name="Value">DER of the value to be used; null where the client is to fill it in.</param>
public sealed record CsrNamePart(string Type, byte[]? Value);
