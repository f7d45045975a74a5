namespace EstProv.Est;

/// <summary>One X.509 extension that the request is to have (Extension of RFC 5280 section 4.1, ExtensionTemplate of RFC 9908 section 3.4).</summary>
/// <param name="Oid">extnID.</param>
/// <param name="Critical">Null where the server leaves it to us.</param>
/// <param name="Value">DER of the value, in a subjectAltName perhaps with empty names to be filled in; null where the client is to provide it.</param>
public sealed record CsrExtension(string Oid, bool? Critical, byte[]? Value);
