using EstProv.Platform;

namespace EstProv.Keys.Stores;

/// <summary>A kind of key pair that a store can be asked to generate.</summary>
internal enum KeyAlgorithm
{
    /// <summary>ECDSA over NIST P-256.</summary>
    EcP256,

    /// <summary>RSA with a modulus of 2048 bits and the exponent 65537.</summary>
    Rsa2048,

    /// <summary>RSA with a modulus of 4096 bits and the exponent 65537. Only on demand: tokens take their time for it.</summary>
    Rsa4096,
}

internal static class KeyAlgorithms
{
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
            switch (preferred.AsSpan(range).Trim())
            {
                case "*":
                    Add(result, KeyAlgorithm.EcP256);
                    Add(result, KeyAlgorithm.Rsa2048);
                    break;
                case "ec-p256":
                    Add(result, KeyAlgorithm.EcP256);
                    break;
                case "rsa-2048":
                    Add(result, KeyAlgorithm.Rsa2048);
                    break;
                case "rsa-4096":
                    Add(result, KeyAlgorithm.Rsa4096);
                    break;
            }
        }

        return result.Count > 0
            ? result
            : throw new ProblemException("bad_request", $"no key algorithm in '{preferred}' can be generated",
                "preferredAlgorithms is a list such as ec-p256:rsa-2048:*", 400);
    }

    public static string Name(this KeyAlgorithm algorithm) => algorithm switch
    {
        KeyAlgorithm.EcP256 => "ec-p256",
        KeyAlgorithm.Rsa2048 => "rsa-2048",
        KeyAlgorithm.Rsa4096 => "rsa-4096",
        _ => throw new ArgumentOutOfRangeException(nameof(algorithm)),
    };

    /// <summary>Of an RSA modulus.</summary>
    public static int ModulusBits(this KeyAlgorithm algorithm) => algorithm == KeyAlgorithm.Rsa4096 ? 4096 : 2048;

    private static void Add(List<KeyAlgorithm> list, KeyAlgorithm algorithm)
    {
        if (!list.Contains(algorithm)) list.Add(algorithm);
    }
}
