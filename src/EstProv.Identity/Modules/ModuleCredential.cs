using EstProv.Identity.Hub;

namespace EstProv.Identity.Modules;

/// <summary>What a module is to show its hub.</summary>
internal abstract class ModuleCredential
{
    /// <summary>Tells one from another, and nothing else about it; kept to know what a module was registered with.</summary>
    public abstract string Mark { get; }

    /// <summary>What can be said of it before the hub has made the module; null where it depends on the generation.</summary>
    public virtual ModuleAuthentication? BeforeGeneration => null;

    /// <summary>To be given up as soon as it is sent.</summary>
    /// <exception cref="Platform.ProblemException">The Key Service's.</exception>
    public abstract ModuleAuthentication For(HubModule module);
}
