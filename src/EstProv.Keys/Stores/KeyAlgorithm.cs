using EstProv.Platform;

namespace EstProv.Keys.Stores;

/// <summary>A kind of key pair that a store can be asked to generate. RSA has the exponent 65537.</summary>
internal enum KeyAlgorithm
{
    EcP256,
    EcP384,
    EcP521,
    Rsa2048,
    Rsa3072,
    Rsa4096,
    Ed25519,
}

internal static class KeyAlgorithms
{
    private static readonly string[] Names = ["ec-p256", "ec-p384", "ec-p521", "rsa-2048", "rsa-3072", "rsa-4096", "ed25519"]; // as the enumeration

    /// <summary>
    /// The wish list of <c>POST /keypair</c>, such as <c>ec-p256:rsa-2048:rsa-4096:*</c>, in order. <c>*</c> and an empty list leave the
    /// choice to us; names that we do not generate are passed over.
    /// </summary>
    /// <exception cref="ProblemException"><c>bad_request</c>: nothing in the list is known.</exception>
    public static List<KeyAlgorithm> ParsePreferences(string? preferred)
    {
        var result = new List<KeyAlgorithm>(2);
        if (string.IsNullOrWhiteSpace(preferred)) preferred = "*";
        foreach (var range in preferred.AsSpan().Split(':'))
        {
            var name = preferred.AsSpan(range).Trim();
            if (name is "*")
            {
                Add(result, KeyAlgorithm.EcP256);
                Add(result, KeyAlgorithm.Rsa2048);
            }

            for (var i = 0; i < Names.Length; i++)
            {
                if (name.SequenceEqual(Names[i])) Add(result, (KeyAlgorithm)i);
            }
        }

        return result.Count > 0
            ? result
            : throw new ProblemException("bad_request", $"no key algorithm in '{preferred}' can be generated",
                $"preferredAlgorithms is a list such as ec-p256:rsa-2048:*, of {string.Join(", ", Names)}", 400);
    }

    public static string Name(this KeyAlgorithm algorithm) => Names[(int)algorithm];

    public static KeyKind Kind(this KeyAlgorithm algorithm) => algorithm switch
    {
        KeyAlgorithm.EcP256 or KeyAlgorithm.EcP384 or KeyAlgorithm.EcP521 => KeyKind.Ec,
        KeyAlgorithm.Ed25519 => KeyKind.Ed25519,
        _ => KeyKind.Rsa,
    };

    /// <summary>Of an RSA modulus.</summary>
    public static int ModulusBits(this KeyAlgorithm algorithm) => algorithm switch
    {
        KeyAlgorithm.Rsa2048 => 2048,
        KeyAlgorithm.Rsa3072 => 3072,
        _ => 4096,
    };

    private static void Add(List<KeyAlgorithm> list, KeyAlgorithm algorithm)
    {
        if (!list.Contains(algorithm)) list.Add(algorithm);
    }
}
