namespace EstProv.Configuration.Certd;

/// <summary>One attribute of a configured subject (RFC 5280 section 4.1.2.4).</summary>
/// <param name="Oid">Dotted.</param>
public sealed record SubjectField(string Oid, string Value);
