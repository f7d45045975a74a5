namespace EstProv.Keys.Tests.ReturnValues;

/// <summary>When a function of the module is called.</summary>
public enum Moment
{
    /// <summary>By the first request.</summary>
    AtTheStart,

    /// <summary>While a token that was lost is opened again.</summary>
    AfterALoss,

    /// <summary>In a token that is open.</summary>
    InUse,
}
