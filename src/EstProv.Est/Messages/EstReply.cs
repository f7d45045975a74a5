using EstProv.Est.Authentication;

namespace EstProv.Est.Messages;

/// <summary>An answer, read to its end.</summary>
internal sealed record EstReply
{
    public required string Method { get; init; }

    public required Uri Url { get; init; }

    public required int Status { get; init; }

    /// <summary>Without parameters, in lower case; null when the server names none.</summary>
    public string? MediaType { get; init; }

    /// <summary>The parameter boundary of the media type (RFC 2046 section 5.1.1); null for none.</summary>
    public string? Boundary { get; init; }

    public required byte[] Body { get; init; }

    public TimeSpan? RetryAfter { get; init; }

    /// <summary>The schemes of WWW-Authenticate.</summary>
    public string[] Challenges { get; init; } = [];

    /// <summary>The Digest challenge among them that we can answer; null for none.</summary>
    public DigestChallenge? Digest { get; init; }

    /// <summary>Why a Digest challenge cannot be answered; null when it can, or there is none.</summary>
    public string? DigestUnable { get; init; }

    public string? Location { get; init; }

    /// <summary>The configured server, where another one that it sent us on to has answered; else null.</summary>
    public Uri? SentBy { get; init; }

    /// <summary>Why <see cref="Location"/> was not followed, and what to do.</summary>
    public RedirectRefusal? NotFollowed { get; init; }

    /// <summary>The credential that was shown, for messages.</summary>
    public required string Credential { get; init; }

    /// <summary>Not to be shown, should the server send it back.</summary>
    public string? Secret { get; init; }

    /// <summary>Whether that scheme is among <see cref="Challenges"/>.</summary>
    public bool Asks(string scheme) => Array.Exists(Challenges, known => known.Equals(scheme, StringComparison.OrdinalIgnoreCase));

    /// <summary>The server's own words, bounded and cleaned; empty when it sent none that are meant for a reader (section 4.2.3).</summary>
    public string Words => MediaType == "text/plain" ? PeerText.Clean(Body, Secret) : "";
}
