using EdgeSdk.Benchmarks;

// dotnet run -c Release --project tests/EdgeSdk.Benchmarks -- NAME
return args switch
{
    ["tokenizers"] => TokenizerBenchmark.Run(),
    ["check-tokenizers"] => TokenizerCheck.Run(),
    _ => Usage(),
};

static int Usage()
{
    Console.Error.WriteLine("""
        tokenizers         tokenizing both ways, beside Hugging Face's tokenizers (Rust), on one core
        check-tokenizers   the committed tokenizer variants, as that library reads them
        """);
    return 2;
}
