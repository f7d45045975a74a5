using EstProv.Contract.Tests.Stores;
using EstProv.Platform;

namespace EstProv.Keys.Tests;

/// <summary>One thing that can be wrong with a module, a token, a login or a key: how it comes about, and what has to be said of it.</summary>
/// <param name="Name">For the reader of the test's results.</param>
/// <param name="Code">Of the error that whoever asks is given.</param>
/// <param name="Text">What its message says, beside much else.</param>
/// <param name="Hint">What its hint says.</param>
internal sealed record Cause(string Name, string Code, string Text, string Hint)
{
    /// <summary>lib_path.</summary>
    public string Module { get; init; } = FaultyModule.Module;

    /// <summary>base_slot.</summary>
    public string Slot { get; init; } = $"pkcs11:token=edge?pin-value={SoftHsm.Pin}";

    /// <summary>The URI of the preloaded key <c>bootstrap</c>; empty for none.</summary>
    public string Key { get; init; } = "";

    /// <summary>What the operator has done to the token.</summary>
    public Action<SoftHsm>? Token { get; init; }

    /// <summary>What the module does wrong.</summary>
    public Action<FaultyModule>? Faults { get; init; }

    /// <summary>The request that meets it.</summary>
    public Action<KeydUnderTest> Ask { get; init; } = static keyd => keyd.Client.CreateKeyPair("device-id", "ec-p256");

    public int Status { get; init; } = 503;

    /// <summary>The daemon sees it when it starts, and logs it.</summary>
    public bool IsLogged { get; init; }

    /// <summary>What <c>--check</c> says of it; null where only a request can tell.</summary>
    public string? Checked { get; init; } = Text;

    /// <summary>The file of tests/Messages that holds what is said, see <see cref="Messages.Message"/>; null for none of its own.</summary>
    public string? Shown { get; init; } = Code;

    public override string ToString() => Name;

    /// <summary>The problem that <see cref="Ask"/> meets.</summary>
    public ProblemException Meet(KeydUnderTest keyd) => Assert.Throws<ProblemException>(() => Ask(keyd))!;
}
