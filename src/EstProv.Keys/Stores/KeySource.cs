using EstProv.Platform;

namespace EstProv.Keys.Stores;

/// <summary>Where the operator keeps a key that the configuration preloads. Nothing of it is ever changed or destroyed.</summary>
internal abstract class KeySource
{
    /// <summary>For messages, without a PIN.</summary>
    public abstract string Description { get; }

    /// <summary>Finds the key pair as it is now: the operator may have put another key in its place.</summary>
    /// <exception cref="ProblemException"><c>key_not_found</c>, <c>key_ambiguous</c>, <c>key_type</c>, <c>token_*</c> and so on.</exception>
    public abstract StoredKey Load();
}
