using System.Security.Cryptography;
using EstProv.Contract.Tests.Stores;
using EstProv.Keys.Client;
using EstProv.Keys.SelfTest;
using EstProv.Keys.Stores;
using EstProv.Platform;

namespace EstProv.Contract.Tests;

/// <summary>Every store does every operation, or says that it cannot; the table of both stands in the README of the Key Service.</summary>
public sealed class OperationContract
{
    private const string Begin = "<!-- stores: written by tests/Contract -->";
    private const string End = "<!-- /stores -->";

    private static IEnumerable<string> Stores => StoreRegistry.Names;

    [TestCaseSource(nameof(Stores))]
    public void A_store_does_what_the_table_says(string name)
    {
        using var under = StoreRegistry.Make(name);
        under.Restart();
        using (Assert.EnterMultipleScope())
        {
            foreach (var operation in StoreOperation.All)
            {
                if (under.Lacks.Contains(operation)) Assert.That(CodeOf(operation, under), Is.EqualTo("mechanism_missing"), $"{name} lacks {operation}");
                else Assert.That(() => operation.Try(under.Store, Verify), Throws.Nothing, operation.Name);
            }
        }
    }

    [TestCaseSource(nameof(Stores))]
    public void What_it_encrypts_is_AES_256_GCM(string name)
    {
        using var under = StoreRegistry.Make(name);
        if (under.Lacks.Contains(StoreOperation.ImportedCipherKey)) return;
        under.Restart();
        byte[] iv = "twelve bytes"u8.ToArray(), aad = "aad"u8.ToArray(), plaintext = "text"u8.ToArray(), made = new byte[plaintext.Length + 16], expected = new byte[made.Length];
        using var gcm = new AesGcm(OperationSteps.Known, 16);
        gcm.Encrypt(iv, plaintext, expected.AsSpan(0, plaintext.Length), expected.AsSpan(plaintext.Length), aad);
        var id = StorageId.Random();
        under.Store.CreateSecret(id, "master", SecretUsage.Encrypt, OperationSteps.Known).Encrypt(iv, aad, plaintext, made);
        Assert.That(made, Is.EqualTo(expected));
    }

    [Test]
    public void The_table_in_the_README_is_up_to_date()
    {
        // With ESTPROV_ACCEPT_TABLE set to the page's path in the source tree, the table is written anew.
        var accept = Environment.GetEnvironmentVariable("ESTPROV_ACCEPT_TABLE");
        var path = accept is { Length: > 0 } ? accept : Path.Combine(TestContext.CurrentContext.TestDirectory, "README.md");
        var page = File.ReadAllText(path);
        var begin = page.IndexOf(Begin, StringComparison.Ordinal) + Begin.Length;
        var end = page.IndexOf(End, StringComparison.Ordinal);
        Assert.That(begin, Is.GreaterThan(Begin.Length).And.LessThan(end), "the page has both marks");
        var table = "\n" + Table();
        if (accept is { Length: > 0 }) File.WriteAllText(path, page[..begin] + table + page[end..]);
        else Assert.That(page[begin..end], Is.EqualTo(table), "write it anew: ESTPROV_ACCEPT_TABLE=$PWD/src/EstProv.Keys/README.md dotnet run --project tests/Contract");
    }

    private static string Table()
    {
        using var rows = new StringWriter { NewLine = "\n" };
        var stores = Stores.Select(static name => (Name: name, Lacks: Lacks(name))).ToList();
        rows.WriteLine($"| | {string.Join(" | ", stores.Select(static store => store.Name))} |");
        rows.WriteLine("|---|" + string.Concat(stores.Select(static _ => "---|")));
        foreach (var operation in StoreOperation.All)
        {
            rows.WriteLine($"| {operation} | {string.Join(" | ", stores.Select(store => store.Lacks.Contains(operation) ? "no" : "yes"))} |");
        }

        return rows.ToString();
    }

    private static IReadOnlyCollection<StoreOperation> Lacks(string name)
    {
        using var under = StoreRegistry.Make(name);
        return under.Lacks;
    }

    private static bool Verify(PublicKeyInfo key, SignatureScheme scheme, DigestAlgorithm hash, byte[] digest, byte[] signature) =>
        Signatures.Verify(key.Spki, scheme, hash, digest, signature);

    private static string? CodeOf(StoreOperation operation, StoreUnderTest under)
    {
        try
        {
            operation.Try(under.Store, Verify);
            return null;
        }
        catch (ProblemException problem)
        {
            return problem.Code;
        }
    }
}
