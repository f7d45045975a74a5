using System.Diagnostics;
using EstProv.Contract.Tests.Stores;

namespace EstProv.Keys.Tests;

/// <summary>A TPM 2.0 that is killed while keys in it sign.</summary>
public sealed class TpmTests
{
    [Test]
    public void A_TPM_that_is_killed_under_load_costs_no_request()
    {
        using var tpm = new Tpm();
        using var keyd = new KeydUnderTest();
        keyd.Configure($"""
            [pkcs11]
            lib_path = "{Tpm.Module}"
            base_slot = "{Tpm.TokenUri}"
            """);
        keyd.Start();
        using var load = new SigningLoad(keyd.Socket, keyd.Client.CreateKeyPair("device-id", "ec-p256"), clients: 4, TimeSpan.FromSeconds(5));
        var longest = TimeSpan.Zero;
        for (var round = 0; round < 3; round++)
        {
            load.WaitForSignatures(load.Count + 20);
            tpm.Kill();
            load.WaitForRefusalsToSettle(TimeSpan.FromSeconds(1));
            tpm.Start();
            var back = Stopwatch.StartNew();
            load.WaitForSignatures(load.Count + 1);
            if (back.Elapsed > longest) longest = back.Elapsed;
        }

        load.WaitForSignatures(load.Count + 20);
        load.Stop();
        TestContext.Out.WriteLine($"serving again at most {longest.TotalMilliseconds:0} ms after the TPM's return; {load.Failures.Count} of {load.Count} requests failed with a deadline of 5 s");
        Assert.That(load.Failures, Is.Empty, string.Join('\n', keyd.Log));
        Assert.That(longest, Is.LessThan(TimeSpan.FromSeconds(1)));
    }
}
