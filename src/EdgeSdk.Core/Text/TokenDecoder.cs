using System.Collections;

namespace EdgeSdk.Text;

/// <summary>How bytes of tokens become text.</summary>
internal enum TextAssembly
{
    /// <summary>All tokens' bytes are one UTF-8 text; each ill-formed part reads as U+FFFD.</summary>
    Bytes,

    /// <summary>Tokens are text; a run of byte-fallback tokens is a character each where the run is UTF-8, else one U+FFFD a token.</summary>
    Fallback,

    /// <summary>Tokens are text, a space between them: a file without a decoder.</summary>
    Spaced,
}

/// <summary>What each token contributes to a text, and how contributions are put together. Immutable.</summary>
/// <param name="Tokens">Bytes by id.</param>
/// <param name="InUse">By id: whether there is such a token.</param>
/// <param name="Special">By id: whether it is a control token.</param>
/// <param name="FallbackBytes">By id: whether it is a byte-fallback token.</param>
/// <param name="Assembly">How they are put together.</param>
/// <param name="LeadingCharacter">The character that is stripped from the text's start.</param>
/// <param name="MostLeading">How many of it are stripped.</param>
internal sealed record TokenDecoder(
    TokenBytes Tokens,
    BitArray InUse,
    BitArray Special,
    BitArray FallbackBytes,
    TextAssembly Assembly,
    char LeadingCharacter,
    int MostLeading)
{
    public bool Has(int id) => (uint)id < (uint)InUse.Count && InUse[id];
}
