using EstProv.Platform;

namespace EstProv.Keys.Stores;

/// <summary>What a symmetric key is for.</summary>
[Flags]
internal enum SecretUsage
{
    None = 0,

    /// <summary>Keys are derived from it: HMAC-SHA256 of the derivation data.</summary>
    Derive = 1,

    /// <summary>AES-256-GCM.</summary>
    Encrypt = 2,

    /// <summary>HMAC-SHA256.</summary>
    Sign = 4,
}

internal static class SecretUsages
{
    /// <summary>HMAC-SHA256 is what signing and deriving are made of.</summary>
    public static bool NeedsMac(this SecretUsage usage) => (usage & (SecretUsage.Derive | SecretUsage.Sign)) != SecretUsage.None;

    /// <summary>A list such as <c>derive,encrypt,sign</c>.</summary>
    /// <exception cref="ProblemException"><c>bad_request</c>.</exception>
    public static SecretUsage Parse(ReadOnlySpan<char> list)
    {
        var usage = SecretUsage.None;
        foreach (var range in list.Split(','))
        {
            usage |= list[range].Trim() switch
            {
                "derive" => SecretUsage.Derive,
                "encrypt" => SecretUsage.Encrypt,
                "sign" => SecretUsage.Sign,
                _ => throw new ProblemException("bad_request", $"the usage '{list}' is not known", "usage is a list of derive, encrypt, sign, such as derive,sign", 400),
            };
        }

        return usage;
    }

    public static string Text(this SecretUsage usage)
    {
        var words = new List<string>(3);
        if ((usage & SecretUsage.Derive) != SecretUsage.None) words.Add("derive");
        if ((usage & SecretUsage.Encrypt) != SecretUsage.None) words.Add("encrypt");
        if ((usage & SecretUsage.Sign) != SecretUsage.None) words.Add("sign");
        return string.Join(',', words);
    }
}
