using System.Globalization;
using System.Security.Cryptography;
using System.Text;

namespace EstProv.Identity.Tests.Support;

/// <summary>A SAS token taken apart by somebody else's eyes.</summary>
internal sealed record SasParts(string Resource, string Signature, long Expiry, string? KeyName)
{
    public DateTimeOffset End => DateTimeOffset.FromUnixTimeSeconds(Expiry);

    public static SasParts Read(string? authorization)
    {
        Assert.That(authorization, Does.StartWith("SharedAccessSignature "));
        var parts = authorization!["SharedAccessSignature ".Length..].Split('&').Select(static part
            => part.Split('=', 2)).ToDictionary(static part => part[0], static part => part[1]);
        return new SasParts(parts["sr"], Uri.UnescapeDataString(parts["sig"]), long.Parse(parts["se"], CultureInfo.InvariantCulture),
            parts.GetValueOrDefault("skn"));
    }

    public bool IsBy(byte[] key) => Convert.ToBase64String(HMACSHA256.HashData(key,
        Encoding.UTF8.GetBytes($"{Resource}\n{Expiry}"))) == Signature;
}
