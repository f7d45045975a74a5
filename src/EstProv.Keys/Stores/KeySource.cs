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

    /// <summary>
    /// Makes the key pair that is not there yet, under the operator's own name for it; from then on it is his as any other.
    /// </summary>
    /// <exception cref="ProblemException"><c>key_unnamed</c>; <c>mechanism_missing</c>: another algorithm may work; <c>token_*</c> and so
    /// on.</exception>
    public abstract StoredKey Create(KeyAlgorithm algorithm);

    /// <summary>A symmetric key, and no pair.</summary>
    public virtual bool IsSecret => false;

    /// <summary>Finds the symmetric key as it is now.</summary>
    /// <exception cref="ProblemException">As <see cref="Load"/>.</exception>
    public virtual StoredSecret LoadSecret() => throw new InvalidOperationException("Not a symmetric key.");
}
