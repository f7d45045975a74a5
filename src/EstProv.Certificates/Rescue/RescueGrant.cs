using System.Text;
using EstProv.Platform;

namespace EstProv.Certificates.Rescue;

/// <summary>By what the EST identity is got once more.</summary>
internal enum RescueWay
{
    /// <summary>A user name and a password for HTTP authentication, without a client certificate.</summary>
    OneTime,

    /// <summary>The bootstrap identity, whatever <c>bootstrap_use</c> says.</summary>
    Bootstrap,
}

/// <summary>What an operator brought so that another EST identity can be got: good for one, for a time, and for a few refusals. Its password is in memory only.</summary>
internal sealed class RescueGrant(RescueWay way, string by, DateTimeOffset? until) : IDisposable
{
    /// <summary>A server that has said no so often means it; a password is not to be tried out.</summary>
    public const int MostRefusals = 3;

    /// <summary>How long a password stays in memory; longer than a server may think (202) about a request.</summary>
    public static readonly TimeSpan LongestStay = TimeSpan.FromDays(1);

    public RescueWay Way => way;

    /// <summary>Who is behind it, for the audit: a uid, or a file's signer and serial.</summary>
    public string By => by;

    /// <summary>A rescue file's end; null for none.</summary>
    public DateTimeOffset? Until => until;

    /// <summary>A rescue file's serial; null without a file.</summary>
    public string? Serial { get; init; }

    /// <summary>From when (a timestamp of the TimeProvider) it has been there.</summary>
    public long Since { get; init; }

    public string? Username { get; init; }

    public LockedSecret? Password { get; init; }

    public int Refusals { get; set; }

    /// <remarks>HTTP's headers are made of strings, which cannot be zeroed: it is one for as long as a request takes, and goes with the next collection.</remarks>
    public string? ReadPassword() => Password is { Length: > 0 } secret ? Encoding.UTF8.GetString(secret.Span) : null;

    public void Dispose()
    {
        Password?.Truncate(0);
        Password?.Dispose();
    }
}
