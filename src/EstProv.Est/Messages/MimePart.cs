namespace EstProv.Est.Messages;

/// <summary>One part of a multipart message.</summary>
/// <param name="MediaType">In lower case.</param>
/// <param name="SmimeType">Its parameter smime-type (RFC 8551 section 3.2.2), in lower case; null for none.</param>
/// <param name="Body">As sent.</param>
internal sealed record MimePart(string MediaType, string? SmimeType, byte[] Body);
