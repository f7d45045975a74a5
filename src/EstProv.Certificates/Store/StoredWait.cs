using System.Globalization;
using EstProv.Platform.Time;
using EstProv.Platform;

namespace EstProv.Certificates.Store;

/// <summary>What a busy server (503 or 429, RFC 9110 section 10.2.3) asked for in Retry-After: a restart is no reason to ask earlier.</summary>
/// <param name="Since">When it was asked for, by the believed clock.</param>
internal sealed record StoredWait(string Id, DateTimeOffset Since, TimeSpan RetryAfter)
{
    private static readonly TimeSpan Longest = TimeSpan.FromDays(1);

    public byte[] ToFile() => HeaderedPem.Write(
        [new("Id", Id), new("Since", Utc.Format(Since)), new("Retry-After", ((long)RetryAfter.TotalSeconds).ToString(CultureInfo.InvariantCulture))], "");

    /// <exception cref="ProblemException"><c>store_damaged</c>.</exception>
    public static StoredWait FromFile(string path, string text)
    {
        var (headers, _) = HeaderedPem.Read(path, text);
        if (!headers.TryGetValue("Id", out var id) || Utc.Parse(headers.GetValueOrDefault("Since")) is not { } since
            || !long.TryParse(headers.GetValueOrDefault("Retry-After"), NumberStyles.None, CultureInfo.InvariantCulture, out var seconds))
            throw HeaderedPem.Damaged(path);
        return new StoredWait(id, since, TimeSpan.FromSeconds(Math.Min(seconds, (long)Longest.TotalSeconds)));
    }
}
