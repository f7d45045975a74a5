namespace EstProv.Est.Messages;

/// <summary>An answer, read to its end.</summary>
internal sealed record EstReply
{
    public required string Method { get; init; }

    public required Uri Url { get; init; }

    public required int Status { get; init; }

    /// <summary>Without parameters, in lower case; null when the server names none.</summary>
    public string? MediaType { get; init; }

    public required byte[] Body { get; init; }

    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The schemes of WWW-Authenticate.</summary>
    public string[] Challenges { get; init; } = [];

    public string? Location { get; init; }

    /// <summary>The credential that was shown, for messages.</summary>
    public required string Credential { get; init; }

    /// <summary>Not to be shown, should the server send it back.</summary>
    public string? Secret { get; init; }

    /// <summary>The server's own words, bounded and cleaned; empty when it sent none that are meant for a reader (section 4.2.3).</summary>
    public string Words => MediaType == "text/plain" ? PeerText.Clean(Body, Secret) : "";
}
